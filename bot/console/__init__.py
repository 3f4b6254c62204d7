"""The supervisors' side: every inspection, decision and change, to search, question and export, in the browser."""
