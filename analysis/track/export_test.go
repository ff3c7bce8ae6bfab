package track

// MostHeld is how much memory a Records took for what it held, in records.
func (r *Records) MostHeld() int {
	return cap(r.hits.slots) + cap(r.sends.slots) + cap(r.requests.slots)
}
