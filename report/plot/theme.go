package plot

import (
	"image/color"
	"math"
)

// A theme is the colours of a picture.
type theme struct {
	background, ink, dim, grid color.Color
	series                     []color.Color
	rest                       color.Color
	lost                       color.Color // shades stretches in which events were lost
	heat                       []color.RGBA
}

// Themes are the names of the themes.
func Themes() []string { return []string{"light", "dark"} }

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// colours are the series' own colours. None is near that of a class, so that a function
// is not taken for a class in the picture beside it, and with any kind of colour vision
// they can be told apart: they were chosen among those of Tol (Colour schemes, 2021),
// ColorBrewer and IBM's palette for the largest least distance in CIE 1994, as seen and
// as protanopes and deuteranopes see them (Machado et al., 2009).
func colours(hex ...uint32) []color.Color {
	out := make([]color.Color, len(hex))
	for i, h := range hex {
		out[i] = rgb(h)
	}
	return out
}

// viridis is matplotlib's colour map of that name, which grows evenly in
// lightness (van der Walt and Smith, 2015; CC0), in 20 steps.
func viridis() []color.RGBA {
	var out []color.RGBA
	for _, hex := range []uint32{
		0x440154, 0x481567, 0x482677, 0x453781, 0x404788, 0x39568C, 0x33638D, 0x2D708E, 0x287D8E, 0x238A8D,
		0x1F968B, 0x20A387, 0x29AF7F, 0x3CBB75, 0x55C667, 0x73D055, 0x95D840, 0xB8DE29, 0xDCE319, 0xFDE725,
	} {
		out = append(out, rgb(hex))
	}
	return out
}

// themeOf returns the theme of a name. In both of them much is far from the
// background and little is near it.
func themeOf(name string) *theme {
	heat := viridis()
	if name == "dark" {
		return &theme{
			background: rgb(0x0D1117), ink: rgb(0xE6EDF3), dim: rgb(0x9DA7B3), grid: rgb(0x2A313C),
			series: colours(0x648FFF, 0x999933, 0xF5B7B1, 0x80DEEA, 0xFFFFB3, 0x8C564B, 0x6A3D9A), rest: rgb(0x6E7681), lost: color.NRGBA{0xD5, 0x5E, 0x00, 0x50},
			heat: heat[2:], // the darkest ones are hard to see
		}
	}
	for i, j := 0, len(heat)-1; i < j; i, j = i+1, j-1 {
		heat[i], heat[j] = heat[j], heat[i]
	}
	return &theme{
		background: rgb(0xFFFFFF), ink: rgb(0x1F2328), dim: rgb(0x59636E), grid: rgb(0xE1E4E8),
		series: colours(0x332288, 0xF97B72, 0x117733, 0x785EF0, 0xAA3377, 0xB39DDB, 0x4E342E), rest: rgb(0x8C959F), lost: color.NRGBA{0xD5, 0x5E, 0x00, 0x40}, heat: heat,
	}
}

// colour is that of the i'th series. Behind the last colour they come again,
// paler.
func (t *theme) colour(i int) color.Color {
	c := t.series[i%len(t.series)]
	if i >= len(t.series) {
		return mix(c, t.background, 0.5)
	}
	return c
}

// class is the colour of a class of hits, one of those of Okabe and Ito (Color Universal
// Design, 2008), as near to that on a terminal as these colours come. What has no class has that of the rest.
func (t *theme) class(name string) color.Color {
	switch name {
	case "deferrable":
		return rgb(0x009E73)
	case "candidate":
		return rgb(0x56B4E9)
	case "self-filtered":
		return rgb(0x0072B2)
	case "avoidable":
		return rgb(0xE69F00)
	case "returnable":
		return rgb(0xCC79A7)
	case "unavoidable":
		return rgb(0xD55E00)
	case "noise":
		return mix(t.rest, t.background, 0.4)
	}
	return t.rest
}

// mix is a colour that is the given share of the way from a to b.
func mix(a, b color.Color, share float64) color.Color {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	of := func(x, y uint32) uint8 { return uint8((float64(x)*(1-share) + float64(y)*share) / 257) }
	return color.RGBA{of(ar, br), of(ag, bg), of(ab, bb), 255}
}

// readable is black or white, whichever stands out from a background: by the
// weights of ITU-R BT.709.
func readable(on color.RGBA) color.Color {
	if 0.2126*float64(on.R)+0.7152*float64(on.G)+0.0722*float64(on.B) > 110 {
		return color.Black
	}
	return color.White
}

// A scale gives values their place between the smallest and the largest.
type scale struct {
	min, max float64
	log      bool
}

// at returns a value's place, 0 to 1.
func (s scale) at(v float64) float64 {
	switch {
	case s.max <= s.min:
		return 1
	case s.log:
		return math.Log(max(v, s.min)/s.min) / math.Log(s.max/s.min)
	}
	return (v - s.min) / (s.max - s.min)
}

// step is the index of one of n steps.
func (s scale) step(v float64, n int) int { return min(int(s.at(v)*float64(n)), n-1) }
