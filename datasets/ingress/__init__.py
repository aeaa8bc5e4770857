"""What a researcher brings in: code and look-up tables, asked for, scanned, accepted by a data steward, delivered.

    asked --scan--> scanned --accept--> accepted --deliver--> delivered
      |                |--decline--> declined
      |--turn_away--> declined
      asked, scanned --withdraw--> withdrawn

`scan` judges bytes and knows no database; `requests` keeps the states; `delivery` writes into a project's folder. Files
are never unpacked, loaded or run here.
"""
