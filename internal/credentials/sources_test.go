package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var names = []string{"STRIPE_ENDPOINT_SECRET", "STRIPE_SECRET_KEY"}

// write writes files, by name, into a folder, and returns the folder.
func write(t *testing.T, folder string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// A value comes from its variable, from a file of its own, or from a file in the folder: from one of them. The errors come all at
// once, name the sources, and hold no value.
func TestSources(t *testing.T) {
	type values = map[string]string
	for name, tc := range map[string]struct {
		environment values // $DIR stands for the folder with files
		files       values
		folder      string // of the credentials
		want        values
		errors      []string
	}{
		"nothing": {},
		"variables": {
			environment: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": "canary2"},
			want:        values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": "canary2"},
		},
		"a variable keeps what is at its end": {
			environment: values{"STRIPE_SECRET_KEY": "canary1\n"}, want: values{"STRIPE_SECRET_KEY": "canary1\n"},
		},
		"a file of its own": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR/key"}, files: values{"key": "canary1"}, want: values{"STRIPE_SECRET_KEY": "canary1"},
		},
		"a line break at the end is not part of it": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR/key"}, files: values{"key": "canary1\r\n"}, want: values{"STRIPE_SECRET_KEY": "canary1"},
		},
		"other blanks are, and their form is judged": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR/key"}, files: values{"key": " canary1 \n"}, want: values{"STRIPE_SECRET_KEY": " canary1 "},
		},
		"a folder": {
			folder: "$DIR", files: values{"STRIPE_SECRET_KEY": "canary1\n", "STRIPE_ENDPOINT_SECRET": "canary2", "stranger": "canary3"},
			want: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": "canary2"},
		},
		"one of each": {
			environment: values{"STRIPE_SECRET_KEY": "canary1"}, folder: "$DIR", files: values{"STRIPE_ENDPOINT_SECRET": "canary2"},
			want: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": "canary2"},
		},
		"an empty source is none": {
			environment: values{"STRIPE_SECRET_KEY": "", "STRIPE_ENDPOINT_SECRET": "canary2", "STRIPE_SECRET_KEY_FILE": ""}, folder: "$DIR",
			files: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": ""}, want: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_ENDPOINT_SECRET": "canary2"},
		},
		"a variable and its file": {
			environment: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_SECRET_KEY_FILE": "$DIR/key"}, files: values{"key": "canary2"},
			errors: []string{"STRIPE_SECRET_KEY is set more than once, by the variable STRIPE_SECRET_KEY and by the file $DIR/key (STRIPE_SECRET_KEY_FILE): remove all but one"},
		},
		"a variable and the folder, even with the same value": {
			environment: values{"STRIPE_SECRET_KEY": "canary1"}, folder: "$DIR", files: values{"STRIPE_SECRET_KEY": "canary1"},
			errors: []string{"STRIPE_SECRET_KEY is set more than once, by the variable STRIPE_SECRET_KEY and by the file $DIR/STRIPE_SECRET_KEY: remove all but one"},
		},
		"all three, and both variables": {
			environment: values{"STRIPE_SECRET_KEY": "canary1", "STRIPE_SECRET_KEY_FILE": "$DIR/STRIPE_SECRET_KEY", "STRIPE_ENDPOINT_SECRET": "canary3"},
			folder:      "$DIR", files: values{"STRIPE_SECRET_KEY": "canary2", "STRIPE_ENDPOINT_SECRET": "canary4"},
			errors: []string{
				"STRIPE_ENDPOINT_SECRET is set more than once, by the variable STRIPE_ENDPOINT_SECRET and by the file $DIR/STRIPE_ENDPOINT_SECRET: remove all but one",
				"STRIPE_SECRET_KEY is set more than once, by the variable STRIPE_SECRET_KEY and by the file $DIR/STRIPE_SECRET_KEY (STRIPE_SECRET_KEY_FILE) " +
					"and by the file $DIR/STRIPE_SECRET_KEY: remove all but one",
			},
		},
		"a file that is missing": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR/key"},
			errors:      []string{"STRIPE_SECRET_KEY_FILE names a file that has no value: open $DIR/key: no such file or directory"},
		},
		"a file that is empty": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR/key"}, files: values{"key": "\n"},
			errors: []string{"STRIPE_SECRET_KEY_FILE names a file that has no value: $DIR/key is empty"},
		},
		"a file that is a folder": {
			environment: values{"STRIPE_SECRET_KEY_FILE": "$DIR"},
			errors:      []string{"STRIPE_SECRET_KEY_FILE names a file that has no value: read $DIR: is a directory"},
		},
		"a file that is too large": {
			folder: "$DIR", files: values{"STRIPE_SECRET_KEY": strings.Repeat("canary", 11000)},
			errors: []string{"STRIPE_SECRET_KEY cannot be read from --credentials-dir: $DIR/STRIPE_SECRET_KEY is larger than 64 KiB"},
		},
		"a folder that is missing": {
			folder: "$DIR/missing", errors: []string{"--credentials-dir cannot be read: open $DIR/missing: no such file or directory"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := write(t, t.TempDir(), tc.files)
			at := func(text string) string { return strings.ReplaceAll(text, "$DIR", folder) }
			getenv := func(name string) string {
				if name == "OTHER" {
					return "from the environment"
				}
				return at(tc.environment[name])
			}
			s, err := Open(names, getenv, at(tc.folder))
			got := []string{}
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			want := []string{}
			for _, line := range tc.errors {
				want = append(want, at(line))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if strings.Contains(strings.Join(got, "\n"), "canary") {
				t.Error("an error holds a value")
			}
			if len(tc.errors) == 0 {
				for _, name := range names {
					if s.Get(name) != tc.want[name] {
						t.Errorf("%s is %q, want %q", name, s.Get(name), tc.want[name])
					}
				}
			}
			if s.Get("OTHER") != "from the environment" {
				t.Error("other variables do not come from the environment")
			}
			if hasFiles := tc.folder != "" || tc.environment["STRIPE_SECRET_KEY_FILE"] != ""; s.HasFiles() != hasFiles {
				t.Errorf("it has files: %t, want %t", s.HasFiles(), hasFiles)
			}
		})
	}
}
