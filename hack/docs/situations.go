package main

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/testutil/situations"
)

// situationTables lists the situations with the decisions that the code is tested for, a table for each group.
func situationTables() (string, error) {
	var out strings.Builder
	for i, group := range situations.All() {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString("## " + group.Name + "\n\n")
		if group.Intro != "" {
			out.WriteString(wrap(group.Intro) + "\n")
		}
		header(&out, "situation", "asked", "`Entitled`", "reason", "until", "message")
		for _, s := range group.Situations {
			until := ""
			if s.Want.Until != 0 {
				until = situations.FormatDay(s.Want.Until)
			}
			row(&out, s.Name+settings(&s), situations.FormatDay(s.Asked), "**"+string(s.Want.Entitled)+"**", "`"+s.Want.Reason+"`", until, s.Want.Message)
		}
	}
	return out.String(), nil
}

// wrap breaks a paragraph into lines of at most 120 characters.
func wrap(text string) string {
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		width := len([]rune(word))
		switch {
		case column == 0:
		case column+1+width > 120:
			out.WriteString("\n")
			column = 0
		default:
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += width
	}
	return out.String() + "\n"
}

// settings are what a situation needs beside the defaults, in the order: flags, the Customer's spec, the Stripe key.
func settings(s *situations.Situation) string {
	var list []string
	for _, flag := range s.Flags {
		list = append(list, "`"+flag+"`")
	}
	if o := s.Spec.Override; o != nil && o.Until != nil {
		list = append(list, "`spec.override: "+string(o.Access)+"` until "+situations.FormatDay(o.Until.Sub(situations.Begin)))
	} else if o != nil {
		list = append(list, "`spec.override: "+string(o.Access)+"` without an end")
	}
	if s.Spec.Access != "" {
		list = append(list, "`spec.access: "+string(s.Spec.Access)+"`")
	}
	if s.Spec.GracePeriod != nil {
		list = append(list, "`spec.gracePeriod: "+zeroUnits.ReplaceAllString(s.Spec.GracePeriod.Duration.String(), "$1")+"`")
	}
	if s.HasKey {
		list = append(list, "with a Stripe key")
	}
	if len(list) == 0 {
		return ""
	}
	return "<br>" + strings.Join(list, ", ")
}
