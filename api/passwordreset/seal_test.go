package passwordreset

import (
	"strings"
	"testing"
)

// Only the token of the link opens the address, and only in the object that it was sealed for.
func TestOnlyTheTokenOpensTheAddress(t *testing.T) {
	token, address := NewToken(customer), strings.Repeat("ä", 127)+"@example.com"
	sealed := Seal("u", token, address)
	if len(sealed) > 512 || strings.Contains(sealed, "example") {
		t.Errorf("%d characters: %s", len(sealed), sealed)
	}
	if got := open("u", token, sealed); got != address {
		t.Errorf("it opens as %q", got)
	}
	for what, got := range map[string]string{
		"another token":  open("u", NewToken(customer), sealed),
		"another object": open("v", token, sealed),
		"a changed text": open("u", token, "A"+sealed[1:]+"A"),
		"no base64":      open("u", token, "!"),
		"nothing":        open("u", token, ""),
	} {
		if got != "" {
			t.Errorf("%s opens it as %q", what, got)
		}
	}
}
