"""The pages of the administration open to site admins alone."""

import functools

from accounts.actors import actor_of_request
from studio.errors import Denied


def site_admins_only(view):
    """Asked at each request; a person whose right was taken is refused at the next one. Below /admin/ everybody shows again
    who they are first (accounts/guards.py)."""

    @functools.wraps(view)
    def checked(request, *args, **kwargs):
        if not actor_of_request(request).is_site_admin:
            raise Denied("Only site admins may open the administration. Ask one of them for what you need.")
        return view(request, *args, **kwargs)

    return checked
