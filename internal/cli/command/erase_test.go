package command

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Only the id confirms an erasure. An answer that ends without a new line counts.
func TestConfirm(t *testing.T) {
	for typed, want := range map[string]string{
		"cus_Ada\n":   "",
		" cus_Ada \n": "",
		"cus_Ada":     "",
		"yes\n":       `"yes" is not cus_Ada: nothing was changed`,
		"cus_ada\n":   `"cus_ada" is not cus_Ada: nothing was changed`,
		"\n":          `"" is not cus_Ada: nothing was changed`,
		"":            "nothing was typed, and nothing was changed: erase without a question with --yes",
	} {
		var out strings.Builder
		err := (&plugin{Environment: Environment{Err: &out, In: io.Reader(strings.NewReader(typed))}}).confirm("cus_Ada")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" || out.String() != "Type cus_Ada to go on: " {
			t.Errorf("%q: %s (-want +got):\n%s", typed, out.String(), diff)
		}
	}
}

func TestWhatIsErasedIsSaid(t *testing.T) {
	c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", ResourceVersion: "1"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}}
	found := personalData{events: 3, ofEvents: 7, emails: 2}
	want := `Personal data of cus_Ada (namespace billing):
  events           3 of 7 events: names, addresses, cards and metadata are taken out
  e-mails          2: deleted
  password resets  0: deleted
  archive          taken out, if there is one
Amounts, ids, times and outcomes stay. What is erased does not come back.`
	if diff := cmp.Diff(want, found.describe(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	found.leftBehind = []string{"sub-a-1"}
	c.Spec.Override, c.Spec.Account, c.ResourceVersion = &v1alpha1.Override{}, "acct_Kite", ""
	for _, says := range []string{"(namespace billing, account acct_Kite)", "take names out of it by hand", "The Customer is gone, and is made again.", "Subscription is still there (sub-a-1)"} {
		if got := found.describe(c); !strings.Contains(got, says) {
			t.Errorf("%q is missing in:\n%s", says, got)
		}
	}
}
