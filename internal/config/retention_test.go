package config

import (
	"strings"
	"testing"
	"time"
)

func TestEventRetention(t *testing.T) {
	for name, tc := range map[string]struct {
		args    []string
		keep    time.Duration
		deletes bool
		refused string // a part of the error
	}{
		"without flags nothing is deleted": {nil, 1080 * time.Hour, false, ""},
		"a bucket":                         {[]string{"--archive-url=s3://trail?region=eu-central-1&prefix=live/"}, 1080 * time.Hour, true, ""},
		"a folder":                         {[]string{"--archive-url=file:///var/lib/tollkeeper/archive"}, 1080 * time.Hour, true, ""},
		"Google's and Azure's":             {[]string{"--archive-url=gs://trail"}, 1080 * time.Hour, true, ""},
		"without an archive":               {[]string{"--archive-url=none", "--event-retention=744h"}, 744 * time.Hour, true, ""},
		"for ever":                         {[]string{"--archive-url=azblob://trail", "--event-retention=0"}, 0, false, ""},
		"30 days":                          {args: []string{"--event-retention=720h"}, refused: "Stripe may send an event again for 30 days"},
		"less than no time":                {args: []string{"--event-retention=-1h"}, refused: "want at least 744h0m0s"},
		"a path":                           {args: []string{"--archive-url=/var/archive"}, refused: "not a URL of an archive"},
		"a web page":                       {args: []string{"--archive-url=https://bucket.s3.amazonaws.com"}, refused: "not a URL of an archive"},
		"nonsense":                         {args: []string{"--archive-url=s3://%zz"}, refused: "not a URL of an archive"},
		"two slashes":                      {args: []string{"--archive-url=file://var/archive"}, refused: "three slashes"},
		"the root":                         {args: []string{"--archive-url=file:///"}, refused: "three slashes"},
		"no bucket":                        {args: []string{"--archive-url=s3:///trail"}, refused: "names no bucket"},
		"a fragment":                       {args: []string{"--archive-url=gs://trail#live"}, refused: "a fragment"},
		"a password":                       {args: []string{"--archive-url=s3://AKIA:hunter2@trail"}, refused: "remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(signed(nil), tc.args...)
			switch {
			case tc.refused == "" && err != nil:
				t.Fatal(err)
			case tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused) || strings.Contains(err.Error(), "hunter2")):
				t.Fatalf("got %v, want %q", err, tc.refused)
			case tc.refused == "" && (c.EventRetention != tc.keep || c.DeletesEvents() != tc.deletes):
				t.Errorf("events stay %s, and are deleted: %t", c.EventRetention, c.DeletesEvents())
			}
		})
	}
}
