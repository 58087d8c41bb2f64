class Fault: pass
