def choice(x):
    return x[0]
