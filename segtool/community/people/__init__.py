"""Who people are in their groups: how long they are there, whom others answer, whose judgement predicts."""
