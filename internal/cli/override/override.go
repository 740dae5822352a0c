// Package override makes the changes by which a person grants or denies a customer access, or lets the subscriptions decide
// again. It is pure.
package override

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// Bounds of the fields, as the CRD has them.
const (
	maxReason = 512
	maxAuthor = 128
)

// Flags are what a person types.
type Flags struct {
	// For is a length of time, such as 72h or 3d; Until a moment in RFC 3339. Forever means neither. One of them is needed.
	For, Until string
	Forever    bool
	// Reason is why. Needed.
	Reason string
	// Author is the name of the person who overrides; a longer one is cut.
	Author string
}

// New is the override that the flags describe.
func New(access v1alpha1.OverrideAccess, f Flags, now time.Time) (*v1alpha1.Override, error) {
	reason := strings.TrimSpace(f.Reason)
	switch {
	case reason == "":
		return nil, fmt.Errorf("--reason is missing: say for other people why, such as --reason \"Ticket 4711\"")
	case utf8.RuneCountInString(reason) > maxReason:
		return nil, fmt.Errorf("--reason has %d characters, and there is room for %d: name the ticket instead", utf8.RuneCountInString(reason), maxReason)
	}
	until, err := f.end(now)
	if err != nil {
		return nil, err
	}
	author := []rune(f.Author)
	if len(author) > maxAuthor {
		author = author[:maxAuthor]
	}
	return &v1alpha1.Override{Access: access, Until: until, Reason: reason, Author: string(author)}, nil
}

// end is when the override ends; nil if it does not.
func (f Flags) end(now time.Time) (*metav1.Time, error) {
	given := 0
	for _, isGiven := range []bool{f.For != "", f.Until != "", f.Forever} {
		if isGiven {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, fmt.Errorf("say until when with exactly one of --for=72h, --until=%s and --forever",
			now.Add(72*time.Hour).UTC().Format(time.RFC3339))
	case f.Forever:
		return nil, nil
	case f.For != "":
		length, err := say.ParseDuration(f.For)
		if err != nil {
			return nil, fmt.Errorf("--for: %w", err)
		}
		return &metav1.Time{Time: now.Add(length).UTC().Truncate(time.Second)}, nil
	}
	until, err := time.Parse(time.RFC3339, f.Until)
	if err != nil {
		return nil, fmt.Errorf("--until=%s is not a moment in RFC 3339: write for example %s", f.Until, now.Add(72*time.Hour).UTC().Format(time.RFC3339))
	}
	if !until.After(now) {
		return nil, fmt.Errorf("--until=%s is over: it is %s now", f.Until, now.UTC().Format(time.RFC3339))
	}
	return &metav1.Time{Time: until.UTC().Truncate(time.Second)}, nil
}

// Patch is the JSON merge patch that sets the override, in the place of the one before.
func Patch(o *v1alpha1.Override) ([]byte, error) {
	fields := map[string]any{"access": o.Access, "reason": o.Reason, "author": nil, "until": nil}
	if o.Author != "" {
		fields["author"] = o.Author
	}
	if o.Until != nil {
		fields["until"] = o.Until.UTC().Format(time.RFC3339)
	}
	return json.Marshal(map[string]any{"spec": map[string]any{"override": fields}})
}

// PatchAuto is the JSON merge patch that lets the subscriptions decide again. It is nil if they do already.
func PatchAuto(spec *v1alpha1.CustomerSpec) ([]byte, error) {
	changes := map[string]any{}
	if spec.Override != nil {
		changes["override"] = nil
	}
	if spec.Access == v1alpha1.AccessGranted || spec.Access == v1alpha1.AccessDenied {
		changes["access"] = v1alpha1.AccessAuto
	}
	if len(changes) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"spec": changes})
}

// Replaced describes the running override that a new one takes the place of; empty if there is none.
func Replaced(spec *v1alpha1.CustomerSpec, now time.Time) string {
	o := entitlement.RunningOverride(spec, now)
	if o == nil {
		return ""
	}
	text := "an override that " + map[v1alpha1.OverrideAccess]string{
		v1alpha1.OverrideGranted: "granted", v1alpha1.OverrideDenied: "denied",
	}[o.Access] + " access"
	if o.Until != nil {
		text += " until " + say.Moment(o.Until.Time)
	}
	if o.Author != "" {
		text += ", by " + o.Author
	}
	if o.Reason != "" {
		text += " (" + o.Reason + ")"
	}
	return text
}
