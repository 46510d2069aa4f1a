"""The gateway: the way to applications such as JupyterLab. It imports no Django, because it is to be small.

The web server gives it the connections whose Host is that of an application (studio/socket_handover.py). It asks the studio who
may enter, and then copies bytes between the browser and the application.
"""
