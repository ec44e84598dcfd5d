package main

func syns([]string) error { return nil }
