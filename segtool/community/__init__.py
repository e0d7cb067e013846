"""What the chat groups and the ties between users say: circles, leaders, group health, scale, sharing."""
