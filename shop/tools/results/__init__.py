"""A tool's result as it is passed on.

for_model.py   what a model gets: an allow-list of fields (invariant I12)
for_hosts.py   what another assistant's host gets
widgets.py     which result is shown in which widget
"""
