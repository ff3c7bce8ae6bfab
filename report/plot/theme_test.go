package plot

import (
	"image/color"
	"math"
	"testing"
)

// TestColours: no series looks like another one, like a class of hits or like the rest,
// in either theme: a function is not to be taken for a class.
func TestColours(t *testing.T) {
	for _, name := range Themes() {
		theme := themeOf(name)
		classes := []color.Color{theme.rest}
		for _, c := range []string{"deferrable", "candidate", "self-filtered", "avoidable", "returnable", "unavoidable"} {
			classes = append(classes, theme.class(c))
		}
		for i, s := range theme.series {
			for _, c := range classes {
				if d := distance(s, c); d < 15 {
					t.Errorf("%s: series %d %v is %.0f from the class %v", name, i, s, d, c)
				}
			}
			for j, o := range theme.series[:i] {
				if d := distance(s, o); d < 20 {
					t.Errorf("%s: series %d and %d are %.0f apart", name, j, i, d)
				}
			}
			if l, _, _ := lab(s); math.Abs(l-lightness(theme.background)) < 25 {
				t.Errorf("%s: series %d %v is near the background", name, i, s)
			}
		}
	}
}

func lightness(c color.Color) float64 { l, _, _ := lab(c); return l }

// distance is that of CIE 1994, of which 2 to 3 can just be seen side by side.
func distance(a, b color.Color) float64 {
	l1, a1, b1 := lab(a)
	l2, a2, b2 := lab(b)
	c1, c2 := math.Hypot(a1, b1), math.Hypot(a2, b2)
	hue := max(0, (a1-a2)*(a1-a2)+(b1-b2)*(b1-b2)-(c1-c2)*(c1-c2))
	sc, sh := 1+0.045*c1, 1+0.015*c1
	return math.Sqrt((l1-l2)*(l1-l2) + (c1-c2)*(c1-c2)/(sc*sc) + hue/(sh*sh))
}

// lab is a colour of sRGB in CIE L*a*b* (D65).
func lab(c color.Color) (l, a, b float64) {
	linear := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	red, green, blue, _ := c.RGBA()
	r, g, bl := linear(red), linear(green), linear(blue)
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	x, y, z := f((0.4124*r+0.3576*g+0.1805*bl)/0.95047), f(0.2126*r+0.7152*g+0.0722*bl), f((0.0193*r+0.1192*g+0.9505*bl)/1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}
