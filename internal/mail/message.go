// Package mail makes the e-mails and hands them to Mailgun.
package mail

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
)

// Message is one e-mail to one person.
type Message struct {
	// ID is the Message-Id header, without angle brackets.
	ID string
	// To is the recipient.
	To mail.Address
	// Subject, Text and HTML are what it says.
	Subject, Text, HTML string
}

const (
	maxAddress = 254 // RFC 5321, 4.5.3.1.3
	maxName    = 80
)

// ErrNoAddress says that the customer has no e-mail address yet.
var ErrNoAddress = errors.New("the customer has no e-mail address yet")

// Recipient reads a customer's address: exactly one, and nothing else. The errors do not repeat it.
func Recipient(address, name string) (mail.Address, error) {
	if address == "" {
		return mail.Address{}, ErrNoAddress
	}
	if len(address) > maxAddress {
		return mail.Address{}, fmt.Errorf("the customer's e-mail address is longer than %d characters", maxAddress)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return mail.Address{}, errors.New("the customer's e-mail address holds characters that do not print")
	}
	list, err := mail.ParseAddressList(address)
	if err != nil {
		return mail.Address{}, errors.New("the customer's e-mail address cannot be read")
	}
	if len(list) != 1 {
		return mail.Address{}, fmt.Errorf("the customer has %d e-mail addresses: want exactly one", len(list))
	}
	if strings.ContainsAny(list[0].Address, " ,;<>\"\\%") {
		return mail.Address{}, errors.New("the customer's e-mail address holds characters that mail servers read in several ways")
	}
	return mail.Address{Name: Name(name), Address: list[0].Address}, nil
}

// special are the characters that a name goes without: Mailgun replaces %recipient%, and net/mail writes a backslash into an encoded
// word, where RFC 2047, 5.3 does not allow it, so that the whole header cannot be read.
var special = strings.NewReplacer("%", "", "\\", "")

// Name makes a customer's name fit for a greeting and a header: one line without special characters and those that do not print or that
// turn the reading direction, cut to a length that a greeting can bear.
func Name(name string) string { return oneLine(special.Replace(name), maxName) }

// oneLine is a text without characters that do not print or turn the reading direction, every run of blanks one space, cut at limit.
func oneLine(text string, limit int) string {
	var clean strings.Builder
	n, space := 0, false
	for _, r := range text {
		switch {
		case n >= limit:
			return clean.String()
		case unicode.IsSpace(r):
			space = n > 0
		case r == unicode.ReplacementChar, unicode.Is(unicode.Bidi_Control, r), !unicode.IsPrint(r):
		default:
			if space {
				clean.WriteByte(' ')
				n, space = n+1, false
			}
			clean.WriteRune(r)
			n++
		}
	}
	return clean.String()
}
