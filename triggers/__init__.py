"""Events become invitations: what happened → who may be asked → what is sent."""
