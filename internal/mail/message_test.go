package mail

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecipient(t *testing.T) {
	for name, tc := range map[string]struct {
		address, name string
		want          mail.Address
		wantError     string
	}{
		"one address":                {"ada@example.com", "Ada Lovelace", mail.Address{Name: "Ada Lovelace", Address: "ada@example.com"}, ""},
		"without a name":             {"ada@example.com", "", mail.Address{Address: "ada@example.com"}, ""},
		"one with a name of its own": {"Eve <ada@example.com>", "Ada", mail.Address{Name: "Ada", Address: "ada@example.com"}, ""},
		"none":                       {"", "Ada", mail.Address{}, ErrNoAddress.Error()},
		"two":                        {"ada@example.com, eve@example.com", "", mail.Address{}, "the customer has 2 e-mail addresses, not exactly one"},
		"a group":                    {"friends: ada@example.com, eve@example.com;", "", mail.Address{}, "the customer has 2 e-mail addresses, not exactly one"},
		"a header":                   {"ada@example.com\r\nBcc: eve@example.com", "", mail.Address{}, "the customer's e-mail address has unprintable characters"},
		"a newline in quotes":        {"\"ada\n\"@example.com", "", mail.Address{}, "the customer's e-mail address has unprintable characters"},
		"a turned address":           {"ada\u202e@example.com", "", mail.Address{}, "the customer's e-mail address has unprintable characters"},
		"a quoted comma":             {`"ada@example.com,eve"@example.com`, "", mail.Address{}, "the customer's e-mail address has characters that mail servers interpret differently"},
		"what Mailgun replaces":      {"%recipient%@example.com", "", mail.Address{}, "the customer's e-mail address has characters that mail servers interpret differently"},
		"no address":                 {"ada", "", mail.Address{}, "the customer's e-mail address is not valid"},
		"10 KB":                      {strings.Repeat("a", 10_000) + "@example.com", "", mail.Address{}, "the customer's e-mail address is longer than 254 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Recipient(tc.address, tc.name)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("recipient (-want +got):\n%s", diff)
			}
			if text := errorText(err); text != tc.wantError {
				t.Errorf("error is %q, want %q", text, tc.wantError)
			}
			if tc.address == "" && !errors.Is(err, ErrNoAddress) {
				t.Error("a missing address is not distinguished from a wrong one")
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestName(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a name":                    {"Ada Lovelace", "Ada Lovelace"},
		"a small one":               {"ada lovelace", "ada lovelace"},
		"another script":            {"艾达 洛夫莱斯", "艾达 洛夫莱斯"},
		"a repeated character":      {"佐々木 希", "佐々木 希"},
		"a lengthened character":    {"ローラ", "ローラ"},
		"with marks":                {"ปิยะ Zoe\u0308", "ปิยะ Zoe\u0308"},
		"a title and a double name": {"Dr. Ada O'Brien-Lovelace", "Dr. Ada O'Brien-Lovelace"},
		"four words":                {"Juan Carlos García López", "Juan Carlos García López"},
		"particles":                 {"Ludwig van der Rohe", "Ludwig van der Rohe"},
		"blanks":                    {"  Ada\r\n\tLovelace  ", "Ada Lovelace"},
		"control characters":        {"A\x00d\x1ba\x7f", "Ada"},
		"turned text":               {"Ada\u202eevol\u2066", "Adaevol"},
		"nothing that prints":       {"\u200b\u202e\x00", ""},
		"no valid UTF-8":            {"A\xffda", "Ada"},

		"a sentence":                   {"Your invoice is overdue", ""},
		"a sentence with a link":       {"Your invoice is overdue! Pay at https://evil.example/pay or call 555 0100", ""},
		"five words":                   {"Please Pay Your Open Invoice", ""},
		"a host":                       {"evil.example", ""},
		"a host after a name":          {"Ada evil.example", ""},
		"a host with another dot":      {"evil。example", ""},
		"an initial without a blank":   {"J.R. Smith", ""},
		"a path":                       {"evil/pay", ""},
		"an address":                   {"eve@example", ""},
		"a handle":                     {"@eve", ""},
		"a scheme":                     {"tel:eve", ""},
		"digits":                       {"Call 5550100", ""},
		"digits of another script":     {"Call ٥٥٥", ""},
		"numerals":                     {"Call Ⅷ", ""},
		"an exclamation":               {"Overdue!", ""},
		"what looks like one":          {"Overdueǃ", ""},
		"what looks like a colon":      {"httpsːevil", ""},
		"letters for mathematics":      {"𝐇𝐞𝐥𝐥𝐨", ""},
		"quotes":                       {`"Ada"`, ""},
		"a comma":                      {"Lovelace, Ada", ""},
		"a lone full stop":             {"Ada . Lovelace", ""},
		"two full stops":               {"Ada..", ""},
		"a hyphen at the end":          {"Ada-", ""},
		"two hyphens":                  {"Ada--Lovelace", ""},
		"lengthening without a letter": {"ーーー", ""},
		"a mark without a letter":      {"\u0308", ""},
		"what Mailgun replaces":        {"%recipient% %recipient.name%", ""},
		"a backslash":                  {"ۍ\\", ""},
		"a header":                     {"Ada\r\nBcc: eve@example.com", ""},
		"40 characters":                {strings.Repeat("a", 40), strings.Repeat("a", 40)},
		"41 characters":                {strings.Repeat("a", 41), ""},
		"a sentence in a dense script": {"您的账单已逾期请立即付款否则停用", ""},
		"10 KB":                        {strings.Repeat("ab ", 5000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Name(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
