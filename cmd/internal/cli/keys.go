package cli

import "github.com/spf13/pflag"

// KeysVar defines a flag for keys to group by, comma separated. Given again it adds
// keys to those before.
func KeysVar(fs *pflag.FlagSet, keys *string, name, usual, help string) {
	*keys = usual
	fs.Var(&keysValue{keys: keys}, name, help)
}

type keysValue struct {
	keys  *string
	given bool
}

func (v *keysValue) String() string { return *v.keys }
func (v *keysValue) Type() string   { return "string" }

func (v *keysValue) Set(text string) error {
	if v.given {
		text = *v.keys + "," + text
	}
	*v.keys, v.given = text, true
	return nil
}
