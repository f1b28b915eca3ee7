"""Who is asked and who is not: the triggers at work, the gatekeeper's word, what other tools and the mail say."""
