package override

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 500, time.UTC)

func at(hours int) *metav1.Time {
	t := metav1.NewTime(now.Truncate(time.Second).Add(time.Duration(hours) * time.Hour))
	return &t
}

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		flags Flags
		want  *v1alpha1.Override
		err   string
	}{
		"for":             {Flags{For: "72h", Reason: "R", Author: "A"}, &v1alpha1.Override{Access: "Granted", Until: at(72), Reason: "R", Author: "A"}, ""},
		"days":            {Flags{For: "3d", Reason: "R"}, &v1alpha1.Override{Access: "Granted", Until: at(72), Reason: "R"}, ""},
		"until":           {Flags{Until: "2026-11-28T15:00:00+01:00", Reason: " R "}, &v1alpha1.Override{Access: "Granted", Until: at(2), Reason: "R"}, ""},
		"forever":         {Flags{Forever: true, Reason: "R"}, &v1alpha1.Override{Access: "Granted", Reason: "R"}, ""},
		"a long name":     {Flags{Forever: true, Reason: "R", Author: strings.Repeat("ä", 200)}, &v1alpha1.Override{Access: "Granted", Reason: "R", Author: strings.Repeat("ä", 128)}, ""},
		"no end":          {Flags{Reason: "R"}, nil, "exactly one of --for"},
		"two ends":        {Flags{For: "1h", Forever: true, Reason: "R"}, nil, "exactly one of --for"},
		"no reason":       {Flags{For: "1h", Reason: "  "}, nil, "--reason is missing"},
		"a long reason":   {Flags{For: "1h", Reason: strings.Repeat("x", 513)}, nil, "there is room for 512"},
		"no duration":     {Flags{For: "soon", Reason: "R"}, nil, `"soon" is not a length of time`},
		"no moment":       {Flags{Until: "tomorrow", Reason: "R"}, nil, "is not a moment in RFC 3339"},
		"a moment before": {Flags{Until: "2026-11-28T11:00:00Z", Reason: "R"}, nil, "is over"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := New(v1alpha1.OverrideGranted, tc.flags, now)
			if (tc.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("the error is %v, want one that says %q", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A patch names every field, so that nothing of an earlier override stays.
func TestPatch(t *testing.T) {
	for want, o := range map[string]*v1alpha1.Override{
		`{"spec":{"override":{"access":"Granted","author":"A","reason":"R","until":"2026-11-28T13:00:00Z"}}}`: {
			Access: v1alpha1.OverrideGranted, Until: at(1), Reason: "R", Author: "A",
		},
		`{"spec":{"override":{"access":"Denied","author":null,"reason":"R","until":null}}}`: {Access: v1alpha1.OverrideDenied, Reason: "R"},
	} {
		got, err := Patch(o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestPatchAuto(t *testing.T) {
	override := &v1alpha1.Override{Access: v1alpha1.OverrideDenied}
	for want, spec := range map[string]v1alpha1.CustomerSpec{
		"":                           {Access: v1alpha1.AccessAuto},
		`{"spec":{"override":null}}`: {Override: override},
		`{"spec":{"access":"Auto"}}`: {Access: v1alpha1.AccessGranted},
		`{"spec":{"access":"Auto","override":null}}`: {Access: v1alpha1.AccessDenied, Override: override},
	} {
		got, err := PatchAuto(&spec)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestReplaced(t *testing.T) {
	for want, override := range map[string]*v1alpha1.Override{
		"": {Access: v1alpha1.OverrideGranted, Until: at(-1)}, // it has ended
		"an override that denied access until 28 November 2026 at 13:00 UTC, by Grace (Abuse)": {
			Access: v1alpha1.OverrideDenied, Until: at(1), Author: "Grace", Reason: "Abuse",
		},
		"an override that granted access": {Access: v1alpha1.OverrideGranted},
	} {
		if diff := cmp.Diff(want, Replaced(&v1alpha1.CustomerSpec{Override: override}, now)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
