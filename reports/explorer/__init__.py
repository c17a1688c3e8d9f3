"""The interactive part of a page: its data, its charts, its pictures, and the libraries it needs.

Charts are Vega-Lite, written with Altair; tables are sorted and searched by DataTables. Plotly was
weighed against Vega: its bundle alone is 1.3 MB compressed, Vega's 0.3 MB, and Vega can do without
`eval`, so that a page may forbid it. Whoever reads the page without scripts has all tables and
figures, as images.
"""
