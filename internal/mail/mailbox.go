package mail

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Mailbox is the same text for the common ways to write one mailbox's address: in upper or lower case, with a tag after
// a plus sign, and with dots at Gmail. Addresses of different mailboxes may share it, so it serves to count messages and
// never to send one.
//
// For example, Ada.Lovelace+trial@googlemail.com and adalovelace@gmail.com are adalovelace@gmail.com.
func Mailbox(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	local, domain := address[:at], strings.TrimSuffix(address[at+1:], ".")
	if untagged, _, isTagged := strings.Cut(local, "+"); isTagged && untagged != "" {
		local = untagged
	}
	if domain == "googlemail.com" || domain == "gmail.com" {
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	return local + "@" + domain
}

// AddressOf is the address that the Customer shows; empty if it shows none, or not exactly one valid address.
func AddressOf(customer *v1alpha1.Customer) string {
	to, err := Recipient(customer.Status.Email, "")
	if err != nil {
		return ""
	}
	return to.Address
}
