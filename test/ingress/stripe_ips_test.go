package ingress

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// Stripe's list becomes ranges; what is no list of addresses becomes nothing, so that no firewall is emptied, or filled.
func TestStripesAddresses(t *testing.T) {
	for name, tc := range map[string]struct {
		list, option string
		status       int
		want         string // empty if the script must fail
	}{
		"ranges":              {"3.18.12.63\n54.187.216.72\n", "", 200, "3.18.12.63/32,54.187.216.72/32\n"},
		"nginx":               {"3.18.12.63\n54.187.216.72", "--nginx", 200, "allow 3.18.12.63/32;\nallow 54.187.216.72/32;\ndeny all;\n"},
		"a page of HTML":      {"<html>3.18.12.63</html>\n", "", 200, ""},
		"everything":          {"3.18.12.63\n0.0.0.0/0\n", "", 200, ""},
		"no address":          {"3.18.12.63\n3.18.12.256\n", "", 200, ""},
		"a leading zero":      {"3.18.12.063\n", "", 200, ""}, // octal to some programs
		"nothing":             {"", "", 200, ""},
		"Stripe is not there": {"3.18.12.63\n", "", 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.list)
			}))
			defer server.Close()
			arguments := []string{}
			if tc.option != "" {
				arguments = append(arguments, tc.option)
			}
			script := exec.CommandContext(t.Context(), filepath.Join(controlplane.Root(), "examples", "ingress", "stripe_ips.sh"), arguments...)
			script.Env = append(os.Environ(), "STRIPE_IPS_URL="+server.URL)
			out, err := script.Output()
			if string(out) != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("prints %q, and %v; want %q", out, err, tc.want)
			}
		})
	}
}
