// Package mail composes the e-mails and sends them through Mailgun.
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
	// Subject is a single line. Text and HTML are two forms of the same body.
	Subject, Text, HTML string
}

const maxAddress = 254 // RFC 5321, 4.5.3.1.3

// ErrNoAddress reports that the customer has no e-mail address yet.
var ErrNoAddress = errors.New("the customer has no e-mail address yet")

// Recipient parses a customer's address, which must be exactly one. The errors do not repeat the address.
func Recipient(address, name string) (mail.Address, error) {
	if address == "" {
		return mail.Address{}, ErrNoAddress
	}
	if len(address) > maxAddress {
		return mail.Address{}, fmt.Errorf("the customer's e-mail address is longer than %d characters", maxAddress)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return mail.Address{}, errors.New("the customer's e-mail address has unprintable characters")
	}
	list, err := mail.ParseAddressList(address)
	if err != nil {
		return mail.Address{}, errors.New("the customer's e-mail address is not valid")
	}
	if len(list) != 1 {
		return mail.Address{}, fmt.Errorf("the customer has %d e-mail addresses, not exactly one", len(list))
	}
	if strings.ContainsAny(list[0].Address, " ,;<>\"\\%") {
		return mail.Address{}, errors.New("the customer's e-mail address has characters that mail servers interpret differently")
	}
	return mail.Address{Name: Name(name), Address: list[0].Address}, nil
}

// oneLine returns the text as one line of at most limit characters, with each run of whitespace as one space. It drops
// characters that do not print or that change the reading direction.
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
