def bind(triton):
    pass
