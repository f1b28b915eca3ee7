"""Preparing an account: properties and their group, the object that keeps answers, lists; made by a credential that
lives for as long as that takes."""
