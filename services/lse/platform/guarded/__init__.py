"""Reading files of people in child processes with limits: one that hangs or explodes costs itself only."""
