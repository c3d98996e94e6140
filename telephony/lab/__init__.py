"""The barge-in lab: what does a caller of this server go through, and what is its model told?"""
