package archive

import (
	"strings"
	"testing"
)

// Of an archive's URL, nothing is shown that may be secret: neither in the ConfigMap nor in an error.
func TestShown(t *testing.T) {
	for location, want := range map[string]string{
		"file:///var/archive": "file:///var/archive",
		"s3://trail?region=eu-central-1&prefix=live/&endpoint=https://s3.example.com": "s3://trail?prefix=live%2F",
		"azblob://trail?secret=x":  "azblob://trail",
		"s3://key:secret@trail/#x": "s3://trail/",
		"":                         "",
		"s3://secret%":             "",
	} {
		if got := Shown(location); got != want {
			t.Errorf("%s: %q, want %q", location, got, want)
		}
		if got := noArchive(location).Error(); strings.Contains(got, "secret") || !strings.Contains(got, "at "+want) {
			t.Errorf("%s: %s", location, got)
		}
	}
	if got := noArchive("").Error(); !strings.Contains(got, "at this URL: ") {
		t.Errorf("without a URL: %s", got)
	}
}
