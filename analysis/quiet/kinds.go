package quiet

// A KindCount is how often one kind of interruption hit a CPU.
type KindCount struct {
	Kind  string
	Count uint64
}

// kinds are the interruptions of one CPU by kind: few, in the order of their first.
type kinds []KindCount

// of returns the place where a kind is counted, valid until the next call.
func (k *kinds) of(kind string) *KindCount {
	for i := range *k {
		if (*k)[i].Kind == kind {
			return &(*k)[i]
		}
	}
	*k = append(*k, KindCount{Kind: kind})
	return &(*k)[len(*k)-1]
}

func (k *kinds) merge(o kinds) {
	for _, x := range o {
		k.of(x.Kind).Count += x.Count
	}
}
