"""/admin: what staff does over HTTP, with the session of /account and the rights of their roles.

POST /admin/NAME is the operation NAME of the operator's own door. Each has its act in
gateway/admin_rights.py; a new operation with a right is here by itself. Routes of another form
stand in desk.py. Who is no staff gets 404 for everything.
"""
