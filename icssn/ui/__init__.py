"""The only Streamlit, folium and leafmap; used by app.py and pages/."""
