"""The gateway to applications such as JupyterLab. It does not import Django, to stay small.

The web server passes it the connections with the Host of an application (studio/socket_handover.py). It checks access
with the studio, and then copies bytes between the browser and the application.
"""
