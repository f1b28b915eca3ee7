"""Who may sign in at the dashboard: users with a password of ours, and whom a provider vouches for (OpenID Connect)."""
