_: null
