"""A Slack-compatible workspace on this machine, with a chat page. Knows nothing of the rest of Kenpin; `server` is where to start."""
