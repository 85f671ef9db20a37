def add(sub): pass
def run(a, say): pass
