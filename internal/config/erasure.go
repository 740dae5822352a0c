package config

import (
	"errors"
	"time"
)

// NeverErase is the value never of --erase-deleted-customers.
const NeverErase time.Duration = -1

func (c *Config) setEraseDeleted(value string) error {
	if value == "never" {
		c.EraseDeleted = NeverErase
		return nil
	}
	delay, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return errors.New("want never or a duration, such as 720h")
	case delay < 0:
		return errors.New("want never or at least 0s")
	}
	c.EraseDeleted = delay
	return nil
}
