"""Access to the pages of the administration, for site admins only."""

import functools

from accounts.actors import actor_of_request, require_site_admin


def site_admins_only(view):
    """Check the right at each request, so that removing it takes effect at once. Pages below /admin/ also require a
    recent confirmation (accounts/guards.py)."""

    @functools.wraps(view)
    def check_and_answer(request, *args, **kwargs):
        require_site_admin(actor_of_request(request), "open the administration")
        return view(request, *args, **kwargs)

    return check_and_answer
