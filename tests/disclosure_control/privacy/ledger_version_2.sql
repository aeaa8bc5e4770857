CREATE TABLE ledger_balance (
    scope TEXT NOT NULL,
    granted BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    spent_delta BIGINT NOT NULL,
    PRIMARY KEY (scope),
    CONSTRAINT never_overspent CHECK (spent >= 0 AND spent <= granted),
    CONSTRAINT no_negative_delta CHECK (spent_delta >= 0)
);
INSERT INTO ledger_balance VALUES('dataset:d',1500,159,12500);
INSERT INTO ledger_balance VALUES('project:p/d',300,150,12500);
INSERT INTO ledger_balance VALUES('dataset:e',10,0,0);
CREATE TABLE ledger_charge (
    id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    request TEXT NOT NULL,
    scopes TEXT NOT NULL,
    nano_rho BIGINT NOT NULL,
    nano_delta BIGINT NOT NULL,
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    result BLOB,
    PRIMARY KEY (id),
    CONSTRAINT never_free CHECK (nano_rho > 0),
    CONSTRAINT no_negative_delta CHECK (nano_delta >= 0),
    CONSTRAINT known_state CHECK (state IN ('reserved', 'reading', 'committed', 'void')),
    CONSTRAINT result_with_commit CHECK ((state = 'committed') = (result IS NOT NULL)),
    UNIQUE (sequence)
);
INSERT INTO ledger_charge VALUES('c-460bb667a71242c3',4,'r1','dataset:d project:p/d',100,1000,'committed','2026-11-25T20:43:50.788741+00:00',X'6E6F697379');
INSERT INTO ledger_charge VALUES('c-29b9ee11c2c2d527',7,'r2','dataset:d project:p/d',50,11500,'reserved','2026-11-25T20:43:50.797503+00:00',NULL);
INSERT INTO ledger_charge VALUES('c-dc5008d181dad216',8,'r3','dataset:d project:p/d',7,0,'void','2026-11-25T20:43:50.804692+00:00',NULL);
INSERT INTO ledger_charge VALUES('c-b2f19c75500f3b28',10,'r4','dataset:d',9,0,'reading','2026-11-25T20:43:50.807883+00:00',NULL);
CREATE TABLE ledger_charged (
    charge_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (charge_id, scope),
    FOREIGN KEY(charge_id) REFERENCES ledger_charge (id),
    FOREIGN KEY(scope) REFERENCES ledger_balance (scope)
);
INSERT INTO ledger_charged VALUES('c-460bb667a71242c3','dataset:d');
INSERT INTO ledger_charged VALUES('c-460bb667a71242c3','project:p/d');
INSERT INTO ledger_charged VALUES('c-29b9ee11c2c2d527','dataset:d');
INSERT INTO ledger_charged VALUES('c-29b9ee11c2c2d527','project:p/d');
INSERT INTO ledger_charged VALUES('c-dc5008d181dad216','dataset:d');
INSERT INTO ledger_charged VALUES('c-dc5008d181dad216','project:p/d');
INSERT INTO ledger_charged VALUES('c-b2f19c75500f3b28','dataset:d');
CREATE TABLE ledger_entry (
    sequence BIGINT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (sequence)
);
INSERT INTO ledger_entry VALUES(1,'2026-11-25T20:43:50.776980+00:00','grant','dataset:d','{"granted_by":"owner","nano_rho":1000}','0000000000000000000000000000000000000000000000000000000000000000','7fc36f3da2afef90c3b22af52a13ced1b8ceebfe73b04336e3428043b838a0ea');
INSERT INTO ledger_entry VALUES(2,'2026-11-25T20:43:50.780486+00:00','grant','project:p/d','{"granted_by":"owner","nano_rho":300}','7fc36f3da2afef90c3b22af52a13ced1b8ceebfe73b04336e3428043b838a0ea','723a75a57b8fb3bed63f119b4a80ef020c2cd1e53249e75a789f737f54dcac1e');
INSERT INTO ledger_entry VALUES(3,'2026-11-25T20:43:50.784478+00:00','grant','dataset:d','{"granted_by":"owner","nano_rho":500}','723a75a57b8fb3bed63f119b4a80ef020c2cd1e53249e75a789f737f54dcac1e','41cf1308b6b28a8f98da555219fe35a07b7850457c0787642f406c0678758beb');
INSERT INTO ledger_entry VALUES(4,'2026-11-25T20:43:50.788741+00:00','reserved','c-460bb667a71242c3','{"nano_delta":1000,"nano_rho":100,"request":"r1","scopes":["dataset:d","project:p/d"]}','41cf1308b6b28a8f98da555219fe35a07b7850457c0787642f406c0678758beb','24812ad137144e775987f870ea7e128da8fb1fcc64680039150da0c98b257d12');
INSERT INTO ledger_entry VALUES(5,'2026-11-25T20:43:50.792588+00:00','reading','c-460bb667a71242c3','{}','24812ad137144e775987f870ea7e128da8fb1fcc64680039150da0c98b257d12','1a5e766f88bed07e127ba9add41444900acfaf7f71a9b2cd6b08fc33eb5ef292');
INSERT INTO ledger_entry VALUES(6,'2026-11-25T20:43:50.796608+00:00','committed','c-460bb667a71242c3','{"sha256":"acd6beff7c3430bfed5d69f86c5c9e6a32ad2a27a2c2a1e8763ce08f6c3da5ec"}','1a5e766f88bed07e127ba9add41444900acfaf7f71a9b2cd6b08fc33eb5ef292','76f8ebeca637ff7f52e35e950bad4d763fb2e78a5ae1844aa28f8d62ab4c2a77');
INSERT INTO ledger_entry VALUES(7,'2026-11-25T20:43:50.797503+00:00','reserved','c-29b9ee11c2c2d527','{"nano_delta":11500,"nano_rho":50,"request":"r2","scopes":["dataset:d","project:p/d"]}','76f8ebeca637ff7f52e35e950bad4d763fb2e78a5ae1844aa28f8d62ab4c2a77','2b6df9b528d12cb98cc48ee66f5476fccb5ed00f94f2ff7a053b7cac7a28d0a7');
INSERT INTO ledger_entry VALUES(8,'2026-11-25T20:43:50.804692+00:00','reserved','c-dc5008d181dad216','{"nano_delta":0,"nano_rho":7,"request":"r3","scopes":["dataset:d","project:p/d"]}','2b6df9b528d12cb98cc48ee66f5476fccb5ed00f94f2ff7a053b7cac7a28d0a7','5dc289adf7b7373ad5e42101318d8476f09b84a18661249e2045220390b59bc2');
INSERT INTO ledger_entry VALUES(9,'2026-11-25T20:43:50.806883+00:00','void','c-dc5008d181dad216','{"reason":"asked twice"}','5dc289adf7b7373ad5e42101318d8476f09b84a18661249e2045220390b59bc2','741d2b66332d332a4c9b768ae74d27348e4af58934112597716f7b0e20b9e487');
INSERT INTO ledger_entry VALUES(10,'2026-11-25T20:43:50.807883+00:00','reserved','c-b2f19c75500f3b28','{"nano_delta":0,"nano_rho":9,"request":"r4","scopes":["dataset:d"]}','741d2b66332d332a4c9b768ae74d27348e4af58934112597716f7b0e20b9e487','1b7b07e00c685323e2037ffad89f2a5aec98b3fcb2ba9104b2a1e6c65ccf9dd5');
INSERT INTO ledger_entry VALUES(11,'2026-11-25T20:43:50.816766+00:00','reading','c-b2f19c75500f3b28','{}','1b7b07e00c685323e2037ffad89f2a5aec98b3fcb2ba9104b2a1e6c65ccf9dd5','53178599c252a581d132e78039b8a161b065b48a2ca83cccea4467b73fb3c181');
INSERT INTO ledger_entry VALUES(12,'2026-11-25T20:43:50.824396+00:00','exact','dataset:d','{"recorded_by":"owner","what":"a table"}','53178599c252a581d132e78039b8a161b065b48a2ca83cccea4467b73fb3c181','aa973f6598a8e11b83911f7641ebd72a07a3d43bceba3d50c548d8d2f298f862');
INSERT INTO ledger_entry VALUES(13,'2026-11-25T20:43:50.827818+00:00','grant','dataset:e','{"granted_by":"owner","nano_rho":10}','aa973f6598a8e11b83911f7641ebd72a07a3d43bceba3d50c548d8d2f298f862','3385aa440318f480131cfb2c2904e88e5321a41cc9f98232e447c25ed2af6fe7');
CREATE TABLE ledger_exact (
    scope TEXT NOT NULL,
    what TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (scope, what),
    FOREIGN KEY(sequence) REFERENCES ledger_entry (sequence)
);
INSERT INTO ledger_exact VALUES('dataset:d','a table',12);
CREATE TABLE ledger_schema (
    version INTEGER NOT NULL,
    seal TEXT NOT NULL
);
INSERT INTO ledger_schema VALUES(2,'hmac-sha256:1fc5ead029b288b9');
CREATE INDEX ledger_entry_of ON ledger_entry (subject, kind, sequence);
CREATE UNIQUE INDEX ledger_charge_once ON ledger_charge (request) WHERE state != 'void';
CREATE INDEX ix_ledger_charged_scope ON ledger_charged (scope);
CREATE TRIGGER ledger_schema_delete BEFORE DELETE ON ledger_schema BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_entry_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_entry_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_balance_update BEFORE UPDATE ON ledger_balance WHEN NOT (NEW.scope = OLD.scope AND NEW.granted >= OLD.granted) BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_balance_delete BEFORE DELETE ON ledger_balance BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_charge_insert BEFORE INSERT ON ledger_charge WHEN NEW.state <> 'reserved' BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_charge_update BEFORE UPDATE ON ledger_charge WHEN NOT (NEW.id = OLD.id AND NEW.sequence = OLD.sequence AND NEW.request = OLD.request AND NEW.scopes = OLD.scopes AND NEW.nano_rho = OLD.nano_rho AND NEW.nano_delta = OLD.nano_delta AND NEW.at = OLD.at AND (OLD.state || '>' || NEW.state) IN ('reserved>committed', 'reserved>reading', 'reserved>void', 'reading>committed')) BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_charge_delete BEFORE DELETE ON ledger_charge BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_charged_update BEFORE UPDATE ON ledger_charged BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_charged_delete BEFORE DELETE ON ledger_charged BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_exact_update BEFORE UPDATE ON ledger_exact BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
CREATE TRIGGER ledger_exact_delete BEFORE DELETE ON ledger_exact BEGIN SELECT RAISE(ABORT, 'the ledger is never edited'); END;
