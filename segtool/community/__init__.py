"""What the chat groups and the ties between users say: circles, leaders, group health, scale, sharing."""

from segtool.community.community import Community, has_community, read_community
from segtool.community.settings import CommunitySettings

__all__ = ["Community", "CommunitySettings", "has_community", "read_community"]
