"""Preparing an org: fields, the object that keeps answers, and who may see them; made by an administrator's credential
through the Tooling and Metadata APIs, or written as a package to deploy."""
