"""Notifications: what people are told in the application and by e-mail, in fixed sentences that disclose nothing."""
