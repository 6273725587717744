"""What each person is offered: a catalogue, interactions with a declared weight, factors, neighbours, rules."""
