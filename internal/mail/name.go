package mail

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// maxName is how many characters a name may have. A character of a script that needs few of them counts as three.
	maxName = 40
	// maxNameWords is how many words a name may have. From capitalWords on, each has a capital letter or is a particle.
	maxNameWords = 4
	capitalWords = 3
)

// denseScripts need few characters for a sentence.
var denseScripts = []*unicode.RangeTable{unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana}

// particles are the words of names that are written small.
var particles = []string{
	"af", "al", "ap", "av", "bin", "bint", "da", "das", "de", "dei", "del", "della", "den", "der", "di", "do", "dos", "du", "e", "el",
	"ibn", "la", "le", "los", "of", "ten", "ter", "van", "von", "y", "zu", "zur",
}

// Name returns a customer's name for the greeting and the header, as one short line. It is empty if the name could be
// text or a link: a stranger may enter any name and any address in a checkout, and would have the operator say it. A
// name has up to four words of letters, with apostrophes and hyphens inside and a full stop at the end of a word.
//
// For example, "Dr. Ada O'Brien-Lovelace" is used. "Your invoice is overdue", "example.com", "Call 555 0100" and
// "Ada @ Example" are not, and the message greets without a name.
func Name(name string) string {
	name = oneLine(name, 2*maxName)
	words, length := strings.Fields(name), 0
	for _, r := range name {
		length++
		if unicode.In(r, denseScripts...) {
			length += 2
		}
	}
	isText := length > maxName || len(words) > maxNameWords || slices.ContainsFunc(words, func(word string) bool {
		return !isNameWord(word) || len(words) >= capitalWords && isSmall(word)
	})
	if isText {
		return ""
	}
	return name
}

// isSmall reports whether a word begins with a small letter and is no particle of names.
func isSmall(word string) bool {
	return unicode.IsLower([]rune(word)[0]) && !slices.Contains(particles, word)
}

// isNameWord reports whether a word consists of letters, with apostrophes and hyphens between them. A full stop may end
// it, as in "Dr.": one inside would make a link. Of the modifiers of letters it takes those that Japanese names have, to
// repeat or lengthen a character: 佐々木, ローラ.
func isNameWord(word string) bool {
	between := false // whether the character before is not a letter
	for i, r := range strings.TrimSuffix(word, ".") {
		isLetter := isNameLetter(r) || i > 0 && (unicode.Is(unicode.M, r) || r == '々' || r == 'ー')
		if !isLetter && (i == 0 || between || !strings.ContainsRune("'’ʼ-", r)) {
			return false
		}
		between = !isLetter
	}
	return !between && word != "."
}

// isNameLetter reports whether a character is a letter. It leaves out those that look like punctuation or digits: the
// clicks of African languages (ǃ), the modifiers (ː) and the letters for mathematics.
func isNameLetter(r rune) bool {
	isClick := r >= 'ǀ' && r <= 'ǃ'
	isMathematical := r >= 0x1d400 && r <= 0x1d7ff
	return unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r) && !isClick && !isMathematical
}
