"""Many runs as series: what each leaves for it, the gate that judges, and the levels that were accepted."""
