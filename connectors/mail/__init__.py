"""Survey invitations by e-mail, over the operator's own SMTP relay."""
