def named(labels, row)
    return labels[int(row[0])]
