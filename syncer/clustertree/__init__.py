"""What a virtual node needs beside its translator: conversations that are no translations, as named tasks."""
