int near(void);
int near(void) { return 1; }
